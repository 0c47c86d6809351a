"""Measures the gateway against nginx and against no gateway at all, in one run on loopback: `script/bench`.

upstream.py   a provider that answers canned bytes, far faster than what is measured
load.py       the load: a process that keeps so many connections busy, and says what it saw
servers.py    what is measured: the mock itself (direct), nginx as a reverse proxy, and `run_api` with one data worker
scenarios.py  what is done to each of them
report.py     the table of ratios, and JSON

Only ratios within one run mean something, and differences under 15 % do not. The servers run on one core, load and
mock on another (where the system lets a process choose).
"""
