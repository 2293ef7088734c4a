"""Support tickets between the users of a platform and its admin team.

`Support` is the whole product as an ASGI application. Everything that `__all__` does not name is
private and may change in any release. Importing this loads nothing but the standard library.
"""

from tickets.domain.identities import Admin, InvalidIdentity, User
from tickets.support import Support

__all__ = ["Admin", "InvalidIdentity", "Support", "User"]
