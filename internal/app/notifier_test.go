package app

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"trapline/internal/programtest"
)

// Without receivers, targets are polled even if the state directory cannot be used.
func TestAStateDirectoryThatNobodyNeeds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	n, err := openNotifier(programtest.Loaded(t, programtest.Notifying(t, file, "  []")), nil, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil || n.storage.Load().outbox != nil || !strings.Contains(log.String(), "not a directory") {
		t.Errorf("%v, %s", err, log.String())
	}
	if _, err := openNotifier(programtest.Loaded(t, programtest.Notifying(t, file, "- {name: nms, address: 127.0.0.1:9}\n")), nil, prometheus.NewRegistry(), slog.New(slog.DiscardHandler)); err == nil {
		t.Error("receivers are told by an outbox that is kept nowhere")
	}
}

func TestSettingsThatNeedAStartAreTold(t *testing.T) {
	dir := t.TempDir()
	var log bytes.Buffer
	before := programtest.Notifying(t, dir, "- {name: nms, address: 127.0.0.1:9}\n")
	n, err := openNotifier(programtest.Loaded(t, before), nil, prometheus.NewRegistry(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer n.close(n.logger)
	id := n.storage.Load().state.Identity.ID
	if c := programtest.Loaded(t, before); n.reload(c) != nil || n.later(c) != nil || log.Len() > 0 {
		t.Errorf("%q, %s", n.later(c), log.String())
	}
	c := programtest.Loaded(t, strings.Replace(before, "notifications: {", "notifications: {engine_id: 80000000046e6577, ", 1))
	if err := n.reload(c); err != nil {
		t.Error(err)
	}
	if got := n.later(c); !slices.Equal(got, []string{"notifications.engine_id"}) || !bytes.Equal(n.storage.Load().state.Identity.ID, id) {
		t.Errorf("%q, engine ID %x", got, n.storage.Load().state.Identity.ID)
	}
}
