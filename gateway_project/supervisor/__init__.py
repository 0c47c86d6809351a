"""What `manage.py run_api` runs: one parent that owns the port and the data folder, and its children.

run_api (main.py)        binds the port, holds the data folder's lock, starts, restarts and stops the children
├── redis                the embedded Redis (embedded_redis.py), where LLM_GATEWAY_REDIS_URL names none
├── data-0, ... (data.py)  answer the port: live calls themselves, all else through the relay (relay.py)
├── control (control.py) admin and management API on a unix socket; ingests the spool
└── worker (worker.py)   a Celery worker for the queue `llm`, with beat (beat.py); it takes tasks by broker.py, and
                         puts those of dead workers back by redelivery.py
"""
