"""What `manage.py run_api` runs: one parent that owns the port and the data folder, and its children.

run_api (main.py)      binds the port, holds the data folder's lock, starts, restarts and stops the children
├── redis              the embedded Redis (embedded_redis.py), where LLM_GATEWAY_REDIS_URL names none
├── api (api.py)       serves the port
└── worker (worker.py) a Celery worker for the queue `llm`
"""
