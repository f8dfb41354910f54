"""What is recorded: scenario names and what builds them."""

from . import ipvs, links, stories, tunnels

ALL = {**tunnels.ALL, **links.ALL, **ipvs.ALL, **stories.ALL}
