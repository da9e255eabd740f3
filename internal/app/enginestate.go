package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"trapline/internal/client"
	"trapline/internal/setting"
	"trapline/internal/statedir"
)

// stateInterval is the time between two saves: a crash loses no more than that.
const stateInterval = 10 * time.Minute

// engineState stores in a file the measurements that a client has made of its targets.
type engineState struct {
	engine *client.Client
	logger *slog.Logger

	mu   sync.Mutex
	path string // empty means that nothing is kept
}

func newEngineState(e *client.Client, dir string, logger *slog.Logger) *engineState {
	s := &engineState{engine: e, logger: logger}
	if dir != "" {
		s.use(dir)
	}
	return s
}

// use has it kept in a directory.
func (s *engineState) use(dir string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.path = filepath.Join(dir, "engine.state")
}

func (s *engineState) file() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.path
}

// restore reads the file. Without it polls begin as for devices never met.
func (s *engineState) restore() {
	if s.path == "" {
		return
	}
	b, err := setting.ReadFile(s.path, setting.MaxFile)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		b, err = statedir.Unseal(stateKey, b)
	}
	if err == nil {
		err = s.load(b)
	}
	if err != nil {
		s.logger.Warn("cannot load the engine state, starting cold", "file", s.path, "err", err)
	}
}

// stateKey is included in the checksum of the file, beside its content.
var stateKey = []byte("engine.state")

// load restores the state of the client. Content that is not as it was written does not stop the start.
func (s *engineState) load(b []byte) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("%v", cause)
		}
	}()
	r := bytes.NewReader(b)
	if err := s.engine.Restore(r); err != nil {
		return err
	}
	if r.Len() > 0 {
		return fmt.Errorf("%d octets more than was written", r.Len())
	}
	return nil
}

// Run saves now and then, and once more when ctx ends.
func (s *engineState) Run(ctx context.Context) error {
	ticker := time.NewTicker(stateInterval)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			running = false
		}
		if s.file() == "" {
			continue
		}
		if err := s.save(); err != nil {
			s.logger.Warn("cannot store the engine state", "file", s.file(), "err", err)
		}
	}
	return nil
}

// save replaces the file as a whole, so that after a crash the old one or the new one is there.
func (s *engineState) save() error {
	path := s.file()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := s.engine.Save(&b); err != nil {
		return err
	}
	return statedir.ReplaceFile(path, statedir.Seal(stateKey, b.Bytes()))
}
