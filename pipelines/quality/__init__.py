"""Quality control: tables, pictures, the desk, ratings, duplicate scans."""
