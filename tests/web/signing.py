"""A token that is good at this moment: what is asked may sign somebody out, take their role away or remove them."""

from __future__ import annotations

from installation import Service

from tidemill.model.people import Role
from tidemill.services.access.persons import UserChange
from tidemill.services.refusals import Refused

__all__ = ["owner_headers"]


def owner_headers(service: Service) -> dict[str, str]:
    """Return the header of an owner who is one, whatever was done to them before."""
    access, was = service.parts.access, service.users["owner"]
    try:
        if access.principal_of(service.tokens["owner"]).may(Role.OWNER):
            return service.headers("owner")
    except Refused:
        pass
    now = access.users.find(was.user_id)
    if now is None:
        service.add("owner", Role.OWNER, was.tier)
        return service.headers("owner")
    if now.role is not Role.OWNER or not now.is_active:
        now = access.users.change(was.user_id, UserChange(role=Role.OWNER, is_active=True), None)
    service.users["owner"] = now
    service.tokens["owner"] = access.mint(now, 3_600)[0]
    return service.headers("owner")
