"""What the app takes: time, memory, requests, money. ``make bench`` measures all of it; each figure says next to what.

__main__.py figures.py machine.py apart.py    the table, and measuring in a process of its own
data.py workload.py                           drops made by the engine, the account and the export they go to
planning.py plan_once.py folders.py counting.py count_rows.py with_pandas.py    planning
delivery.py scaled.py app/ posts.py           delivery at the documented limits, the clock sped up
real.py                                       delivery in real time
virtual.py asking.py plot.py                  a million contacts in virtual time: requests, calls, the picture
cost.py prices.py                             what that costs
"""
