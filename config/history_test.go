package config

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func loadText(t *testing.T, text string) (*Config, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "snmp.yml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return Load([]string{file}, Options{})
}

func TestHistoryIsRead(t *testing.T) {
	c, err := loadText(t, "targets: [192.0.2.1]\nhistory: {points: 0, memory: 16MiB, columns: [hrStorageUsed, 1.3.6.1.4.1.9.9.13.1.3.1.3]}\n")
	if err != nil || *c.History.Points != 0 || c.History.Memory.N != 16<<20 || len(c.History.Columns) != 2 {
		t.Fatalf("%v: %+v", err, c)
	}
	var dump bytes.Buffer
	if err := c.Dump(&dump); err != nil || !strings.Contains(dump.String(), "memory: 16MiB") || !strings.Contains(dump.String(), "points: 0") {
		t.Errorf("%v: %s", err, dump.String())
	}
	for text, want := range map[string]string{
		"history: {points: -1}":         "write a number from 0 (no histories) to 1000",
		"history: {points: 2000}":       "write a number from 0 (no histories) to 1000",
		"history: {memory: much}":       `"much" is not a number of octets: write one such as 64MiB`,
		"history: {point: 3}":           `did you mean points?`,
		"history: {columns: {}}":        "history.columns",
		"history: {points: a thousand}": "history.points",
	} {
		if _, err := loadText(t, "targets: [192.0.2.1]\n"+text+"\n"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
