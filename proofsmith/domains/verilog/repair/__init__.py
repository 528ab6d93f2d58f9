"""Rules that repair a broken design: first what tools refuse, then what behaves wrongly; every edit is judged."""
