package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"trapline/internal/engine"
)

// stateInterval is how often what was learnt is saved: a crash loses no more than that.
const stateInterval = 10 * time.Minute

// engineState keeps in a file what an engine learnt of its targets.
type engineState struct {
	engine *engine.Engine
	path   string // empty means that nothing is kept
	logger *slog.Logger
}

func newEngineState(e *engine.Engine, dir string, logger *slog.Logger) *engineState {
	s := &engineState{engine: e, logger: logger}
	if dir != "" {
		s.path = filepath.Join(dir, "engine.state")
	}
	return s
}

// restore reads the file. Without it polls begin as for devices never met.
func (s *engineState) restore() {
	if s.path == "" {
		return
	}
	b, err := os.ReadFile(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = s.engine.Restore(bytes.NewReader(b))
	}
	if err != nil {
		s.logger.Warn("What was learnt of the targets is lost", "file", s.path, "err", err)
	}
}

// Run saves now and then, and once more when ctx ends.
func (s *engineState) Run(ctx context.Context) error {
	if s.path == "" {
		return nil
	}
	ticker := time.NewTicker(stateInterval)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			running = false
		}
		if err := s.save(); err != nil {
			s.logger.Warn("What was learnt of the targets cannot be kept", "file", s.path, "err", err)
		}
	}
	return nil
}

// save replaces the file as a whole.
func (s *engineState) save() error {
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	next, err := os.CreateTemp(filepath.Dir(s.path), "engine.state.*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name())
	err = errors.Join(s.engine.Save(next), next.Close())
	if err != nil {
		return err
	}
	return os.Rename(next.Name(), s.path)
}
