"""Clusters, peaks, smoothness, random fields and TFCE."""
