//! Results for people and programs: CSV, JSON, a table, and a self-contained page.
