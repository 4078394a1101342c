"""The strategies that come with Tidemill, one file each; found by entry point, like anybody else's."""
