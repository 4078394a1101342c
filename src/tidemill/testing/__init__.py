"""For authors of strategies and plug-ins: data to try things on, and the contracts that every plug-in must keep."""
