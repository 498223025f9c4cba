"""Single patients compared with the controls: t maps, family-wise p by rank, tables and pages."""
