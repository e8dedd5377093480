# The product, without the lab and without PyTorch: `vasari serve`, `vasari desk` and every command of the product.
# docs/operations.md, "In a container", says how it is run.
#
#     docker build -t vasari .
#     docker build -t vasari --build-arg BASE=python@sha256:... .      # a base pinned to its bytes
ARG BASE=python:3.11.14-slim-bookworm

FROM ${BASE} AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/vasari
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY media media
COPY faces faces
COPY provenance provenance
COPY generate generate
COPY detect detect
# What `vasari bench` wrote is read by `vasari comply`; nothing of the lab comes with it.
COPY benchmarks/__init__.py benchmarks/figures.py benchmarks/sweep.py benchmarks/
COPY vasari vasari
# OpenVINO would count its imports elsewhere, and computes on the processor alone here.
RUN /opt/vasari/bin/pip install '.[serve,postgres]' \
    && /opt/vasari/bin/pip uninstall --yes openvino-telemetry pip setuptools \
    && rm -rf /opt/vasari/lib/python3.*/site-packages/numba/tests \
        /opt/vasari/lib/python3.*/site-packages/openvino/libs/libopenvino_intel_[gn]pu_plugin.so

FROM ${BASE}
LABEL org.opencontainers.image.title="vasari" org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 vasari \
    && useradd --uid 10001 --gid vasari --no-create-home --home-dir /data --shell /usr/sbin/nologin vasari \
    && install --directory --owner vasari --group vasari --mode 700 /data /cache
COPY --from=build /opt/vasari /opt/vasari
# Keys, registry, consents and feedback lie in /data; compiled networks and kernels, which are made anew, in /cache.
# Uploads go through /tmp. Nothing else is written, so the rest may be read-only.
ENV PATH=/opt/vasari/bin:$PATH HOME=/data VASARI_KEYS=/data/keys \
    XDG_CACHE_HOME=/cache NUMBA_CACHE_DIR=/cache/numba PYTHONDONTWRITEBYTECODE=1
VOLUME ["/data", "/cache"]
WORKDIR /data
USER 10001:10001
EXPOSE 8000
# Whoever answers on that port lives: the service says how its registry is, the desk sends strangers to its door.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import http.client as h; c = h.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/v1/services/status'); r = c.getresponse(); raise SystemExit(r.status >= 500 or b'\"down\"' in r.read())"]
ENTRYPOINT ["vasari"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
