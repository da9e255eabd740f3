package rules

import (
	"os"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/trace/noop"
)

// TestMain sets the provider of traces that the program has.
func TestMain(m *testing.M) {
	otel.SetTracerProvider(noop.NewTracerProvider())
	os.Exit(m.Run())
}
