package main

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/rs/zerolog"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

func zerologInfo() (*subject, error) {
	logger := zerolog.New(io.Discard)
	return &subject{name: "zerolog", calls: 1000, does: "JSON with a time to io.Discard, at once: no id, no sender", call: func() {
		logger.Info().Time("time", time.Now()).Str("type", eventType).Str("customer", customer).Str("subject", order).
			Int("items", items).Str("total", total).Str("page", page).Str("traceparent", trace).Send()
	}}, nil
}

func zapInfo() (*subject, error) {
	logger := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.InfoLevel))
	return &subject{name: "zap", calls: 1000, does: "JSON with a time to io.Discard, at once: no id, no sender", call: func() {
		logger.Info(eventType, zap.String("customer", customer), zap.String("subject", order),
			zap.Int("items", items), zap.String("total", total), zap.String("page", page), zap.String("traceparent", trace))
	}}, nil
}

func slogInfo() (*subject, error) {
	logger, ctx := slog.New(slog.NewJSONHandler(io.Discard, nil)), context.Background()
	return &subject{name: "slog", calls: 500, does: "JSON with a time to io.Discard, at once: no id, no sender", call: func() {
		logger.LogAttrs(ctx, slog.LevelInfo, eventType, slog.String("customer", customer), slog.String("subject", order),
			slog.Int("items", items), slog.String("total", total), slog.String("page", page), slog.String("traceparent", trace))
	}}, nil
}

// discard is an exporter that costs nothing.
type discard struct{}

func (discard) Export(context.Context, []sdklog.Record) error { return nil }
func (discard) Shutdown(context.Context) error                { return nil }
func (discard) ForceFlush(context.Context) error              { return nil }

func otelLog() (*subject, error) {
	provider := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(discard{})))
	logger, ctx := provider.Logger("checkout"), context.Background()
	return &subject{
		name: "OTel log Emit", calls: 500, does: "a record into the queue of the batch processor, encoded by nobody: the exporter discards it",
		end: func() error { return provider.Shutdown(ctx) },
		call: func() {
			var r log.Record
			r.SetTimestamp(time.Now())
			r.SetEventName(eventType)
			r.AddAttributes(attribute.String("customer", customer), attribute.String("subject", order),
				attribute.Int("items", items), attribute.String("total", total), attribute.String("page", page))
			logger.Emit(ctx, r)
		},
	}, nil
}
