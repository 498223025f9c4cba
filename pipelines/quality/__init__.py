"""Quality of a study's images: tables, pictures, duplicate scans."""
