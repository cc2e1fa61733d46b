"""The processes of one service: a parent that prepares and watches, and the children that it forks.

In: what each child runs, prepared by the parent before any event loop or thread exists. Out: children that receive and
enroll until SIGTERM. A child that dies is started again; one that cannot start at all ends the service with StartError.

Others import the names below.

apart          what runs in a process of its own before the children start
supervisor     the parent: start, watch, start again, stop
signals        what wakes the parent
child          what the parent knows of one child
parent         the child's side: who it answers to, and its end when the parent has gone
running        from ready to stopped: signals, reloads, requests under way
"""

from app.processes.apart import leave_to_parent, run_apart
from app.processes.child import Child
from app.processes.parent import Parent
from app.processes.running import run_alone, run_as_child
from app.processes.supervisor import Supervisor

__all__ = ["Child", "Parent", "Supervisor", "leave_to_parent", "run_alone", "run_apart", "run_as_child"]
