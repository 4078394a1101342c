"""What every request passes before a route sees it: names, hosts, sizes; and what every answer carries."""
