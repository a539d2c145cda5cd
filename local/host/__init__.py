"""A local Azure Functions host: runs a real `function_app.py` against real storage, in place of Core Tools.

    load.py        imports the app, reads bindings.py and signatures.py of each function, refuses what does not fit
    settings.py    host.json and app settings;  connections.py  storage accounts by name
    worker.py      calls a function;  values.py  converts what goes in and comes out;  context.py, outputs.py
    queues.py      queue trigger, with messages.py    blobs.py  blob trigger    timers.py, schedules.py  timer trigger
    http.py        HTTP trigger and admin API;  routes.py  templates;  server.py  the sockets;  byhand.py
    host.py        all of it together, after checks.py;  __main__.py  the command;  process.py  it as a child process

It plays what the app may rely on in Azure: leases and their renewal, delivery more than once, poison queues, missed
ticks, receipts of blobs, empty 500s, the 230 seconds of an answer. What it does not play (other bindings, retry
policies, scaling, replacing a worker after functionTimeout) is refused at the start or said where it matters. Host and
worker are one process here.
"""

from local.host.process import HostFailed, HostProcess

__all__ = ["HostFailed", "HostProcess"]
