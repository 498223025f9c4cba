"""A study of three sites, written once for the tests of sites and of shared sums."""

from three_sites import three

assert three
