"""Sections on receptors: scores of the patients, spatial autocorrelation of their regions."""
