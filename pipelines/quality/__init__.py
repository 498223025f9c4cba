"""Quality control: tables, mosaics, duplicate scans."""
