"""Spatial nulls of receptor maps: random fields, variograms and surrogates."""
