"""Group statistics on plain arrays and xarray objects."""
