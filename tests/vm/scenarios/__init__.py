"""What is recorded: scenario names and what builds them."""

from . import ipvs, links, tunnels

ALL = {**tunnels.ALL, **links.ALL, **ipvs.ALL}
