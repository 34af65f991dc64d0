"""What a run tells OpenTelemetry: a span for every document, one for every call to a model in it, and how long calls took and at how many
tokens. Names are those of the GenAI semantic conventions; what they have no name for is called `structurer.*`.

Off unless somebody asks for it: the option, STRUCTURER_TELEMETRY=on, or a program around this one that has set a provider, as libraries do
it. OTEL_EXPORTER_OTLP_ENDPOINT alone switches nothing on: it stands in the environment of many machines, for other programs, and documents'
names and sizes are nobody's business by default. What is on is then set as everywhere, by the OTEL_ variables: where to
(OTEL_EXPORTER_OTLP_ENDPOINT, ..._HEADERS), as whom (OTEL_SERVICE_NAME), how much (OTEL_TRACES_SAMPLER), and OTEL_SDK_DISABLED.

Never told are prompts, replies and keys, nor what an endpoint says in words, since that may repeat them; the names of files only under
STRUCTURER_TELEMETRY=names. A collector that is down costs a run nothing but CLOSE_S at its end.

`structurer.call.waited` is in seconds. `error.type` is the HTTP status of a refusal, "timeout", the class of the fault of a connection,
else the class of the exception.

`starting` is the door; `tracing` is what a run tells, whether anybody listens or not.
"""
