# One image for all processes of the bot: front server, Rasa and action server differ in the command alone.
# Build from a base that is pinned by its digest: docker build --build-arg BASE=python:3.11-slim-bookworm@sha256:… .
# Packages come from the hashed lock file. clinic.yml and the trained model are part of the image.
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE}
WORKDIR /bot
COPY . .
RUN sh scripts/install.sh requirements.txt \
    && .venv/bin/python -m scripts.train \
    && rm -rf .tools "$HOME/.cache" models/vectors.* \
    && useradd --uid 10001 --no-create-home bot \
    && mkdir -p var && chown bot var
ENV PATH=/bot/.venv/bin:$PATH \
    HOME=/bot/var \
    PYTHONUNBUFFERED=1 \
    PYTHONWARNINGS=ignore \
    RASA_TELEMETRY_ENABLED=false \
    LOG_LEVEL=INFO \
    TF_CPP_MIN_LOG_LEVEL=3 \
    OMP_NUM_THREADS=1 \
    OPENBLAS_NUM_THREADS=1 \
    SQLALCHEMY_SILENCE_UBER_WARNING=1 \
    SANIC_USE_UVLOOP=no \
    FORGET_AFTER_MINUTES=30 \
    PYTHONMALLOC=malloc \
    MALLOC_PERTURB_=165 \
    GLIBC_TUNABLES=glibc.malloc.tcache_count=0
# The last three: memory that is given back is written over, so that what was forgotten is gone (SCRUB_MEMORY).
USER 10001
EXPOSE 8080
# All processes in one container, as `make run`. ops/kubernetes names a command for each.
CMD ["python", "-m", "scripts.run"]
