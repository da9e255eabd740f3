package outbox

import (
	"errors"
	"testing"

	"trapline/internal/alarm"
)

func TestUnacknowledgeWithoutAcknowledgement(t *testing.T) {
	p := &plan{}
	if err := p.acknowledge("key", &alarm.State{}, nil, "by hand"); !errors.Is(err, ErrNotAcknowledged) {
		t.Errorf("got %v, want %v", err, ErrNotAcknowledged)
	}
}
