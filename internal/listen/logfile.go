package listen

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"trapline/internal/setting"
	"trapline/internal/snmp"
	"trapline/internal/traps"
)

// LogSettings is the section `listen.log`: a file with all notifications that were taken, one in a line as JSON.
type LogSettings struct {
	File     string        `yaml:"file,omitempty"`      // path of the file; default none
	MaxBytes setting.Bytes `yaml:"max_bytes,omitempty"` // size at which it is renamed to FILE.1 and begun anew; default 100MiB
}

const defaultLogBytes = 100 << 20

// Problems returns the errors in the settings.
func (s *LogSettings) Problems() []setting.Problem {
	var m setting.Problems
	if s.File == "" && s.MaxBytes.N != 0 {
		m.Add("", "max_bytes needs a file: write file: PATH")
	}
	if s.MaxBytes.N < 0 {
		m.Add("max_bytes", "max_bytes is 1 or more")
	}
	return m
}

// logFile is the file with the notifications that were taken.
type logFile struct {
	logger *slog.Logger

	mu       sync.Mutex
	path     string
	most     int64
	file     *os.File // nil if there is none
	size     int64
	reported time.Time
}

const logMode = 0o640 // readable for the group, as system logs are

// configure opens the file of settings again, as it may have been renamed, or none. After an error nothing has changed.
func (f *logFile) configure(s *LogSettings) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.file
	if s.File == "" {
		f.file = nil
	} else if err := f.open(s.File); err != nil {
		return fmt.Errorf("listen.log: %w", err)
	}
	f.path, f.most = s.File, cmp.Or(s.MaxBytes.N, defaultLogBytes)
	if old != nil {
		_ = old.Close() // all of it was written
	}
	return nil
}

func (f *logFile) open(path string) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, logMode)
	if err != nil {
		return err
	}
	info, err := file.Stat()
	if err != nil {
		return errors.Join(err, file.Close())
	}
	f.file, f.size = file, info.Size()
	return nil
}

// write appends lines. What cannot be written is lost, which is logged once a minute.
func (f *logFile) write(lines []byte) {
	if len(lines) == 0 {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	err := f.append(lines)
	if err != nil && time.Since(f.reported) >= time.Minute {
		f.reported = time.Now()
		f.logger.Error("traps cannot be written to the file of listen.log", "err", err)
	}
}

func (f *logFile) append(lines []byte) error {
	if f.file == nil {
		return nil
	}
	if f.size > 0 && f.size+int64(len(lines)) > f.most {
		if err := os.Rename(f.path, f.path+".1"); err != nil && !os.IsNotExist(err) {
			return err
		}
		old := f.file
		if err := f.open(f.path); err != nil {
			return err
		}
		_ = old.Close() // all of it was written
	}
	n, err := f.file.Write(lines)
	f.size += int64(n)
	return err
}

// loggedTrap is a line of the file.
type loggedTrap struct {
	At       time.Time        `json:"at"`
	From     string           `json:"from"`             // address of the sender
	Device   string           `json:"device"`           // address of the device
	Target   string           `json:"target,omitempty"` // that has it
	Version  string           `json:"version"`
	Inform   bool             `json:"inform,omitempty"`
	User     string           `json:"user,omitempty"` // of SNMPv3
	Context  string           `json:"context,omitempty"`
	EngineID string           `json:"engine_id,omitempty"`
	Trap     string           `json:"trap"`
	OID      string           `json:"oid"`
	Uptime   uint32           `json:"uptime"` // in hundredths of a second
	VarBinds []traps.NamedVar `json:"varbinds"`
}

// appendLog appends the line of a trap.
func appendLog(b []byte, t *traps.Trap, in *traps.Surroundings) []byte {
	r := t.Received
	line := loggedTrap{
		At: t.At.UTC(), From: r.From.Addr().String(), Device: t.Device.String(), Version: versions[r.Version],
		Inform: r.Inform, Context: r.Context, Trap: t.Name, OID: t.OID.String(), Uptime: t.Uptime, VarBinds: t.Named(in.Tree),
	}
	if r.Version == snmp.V3 { // a community is a secret
		line.User, line.EngineID = r.Name, fmt.Sprintf("%x", r.EngineID)
	}
	if t.Target != nil {
		line.Target = t.Target.Name
	}
	text, err := json.Marshal(&line)
	if err != nil { // of types that can always be written
		return b
	}
	return append(append(b, text...), '\n')
}
