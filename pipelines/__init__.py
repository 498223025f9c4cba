"""Stages: plan, run one part, finalise."""
