package statedir

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"trapline/internal/setting"
	"trapline/internal/snmp"
)

// engineRecord is the part of an Identity that is stored.
type engineRecord struct {
	id    []byte
	boots int32

	unsealed bool // it was read without a checksum
}

// maxIdentityFile is how many octets a small file of the state directory may have.
const maxIdentityFile = 1 << 20

// engineFile is the name of the file of the engine in the state directory.
const engineFile = "engine"

// fits reports whether the record is of the engine ID that is configured, if any.
func (r *engineRecord) fits(configured []byte) bool {
	return len(configured) == 0 || bytes.Equal(configured, r.id)
}

// check returns an error if the record must not be stored.
func (r *engineRecord) check() error {
	if err := snmp.CheckEngineID(r.id); err != nil {
		return err
	}
	if r.boots < 0 {
		return fmt.Errorf("boots %d", r.boots)
	}
	return nil
}

const engineHead = "# Who Trapline is in SNMPv3, and how often it has started. A copy of this file in use elsewhere makes receivers drop traps.\n"

// text returns the record as it is stored, with a checksum over the lines before it.
func (r *engineRecord) text() []byte {
	text := fmt.Appendf(nil, "%sengine_id: %x\nboots: %d\n", engineHead, r.id, r.boots)
	return fmt.Appendf(text, "checksum: %08x\n", checksum(text))
}

// errBrokenEngine is a file of an engine that is not as it was written: to count from 1 again with the same
// engine ID would silence every receiver that remembers it.
var errBrokenEngine = errors.New("has no engine_id and boots that can be read")

// readEngine returns the record that is stored in file.
func readEngine(file string) (engineRecord, error) {
	text, err := setting.ReadFile(file, maxIdentityFile)
	if err != nil {
		return engineRecord{}, err
	}
	r, err := parseEngine(text)
	if err != nil {
		return engineRecord{}, fmt.Errorf("%s: %w: %w", file, errBrokenEngine, err)
	}
	return r, nil
}

// parseEngine reads the text of a record. The files of earlier versions end before the checksum.
func parseEngine(text []byte) (r engineRecord, err error) {
	body, sum, sealed := bytes.Cut(text, []byte("checksum: "))
	if sealed && string(sum) != fmt.Sprintf("%08x\n", checksum(body)) {
		return r, errors.New("its checksum is wrong")
	}
	rest, ok := strings.CutPrefix(string(body), engineHead)
	id, rest, ok2 := strings.Cut(rest, "\n")
	id, ok3 := strings.CutPrefix(id, "engine_id: ")
	boots, ok4 := strings.CutPrefix(strings.TrimSuffix(rest, "\n"), "boots: ")
	if !ok || !ok2 || !ok3 || !ok4 || !strings.HasSuffix(rest, "\n") {
		return r, errors.New("it is not what Trapline writes")
	}
	if r.id, err = hex.DecodeString(id); err != nil {
		return r, err
	}
	n, err := strconv.ParseInt(boots, 10, 32)
	if err != nil {
		return r, err
	}
	r.boots, r.unsealed = int32(n), !sealed
	return r, r.check()
}

// store replaces the file. It returns an error if the file is damaged, or has higher boots of the same engine ID.
func (r *engineRecord) store(file string) error {
	old, err := readEngine(file)
	if errors.Is(err, errBrokenEngine) {
		return err
	}
	if err == nil && old.boots > r.boots && bytes.Equal(old.id, r.id) {
		return fmt.Errorf("%s: boots %d are not stored in the place of %d", file, r.boots, old.boots)
	}
	return r.replace(file)
}

// replace writes the file in one step: after a crash, the old one or the new one is there.
func (r *engineRecord) replace(file string) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("%s: an engine ID of %x, boots %d is not stored: %w", file, r.id, r.boots, err)
	}
	return ReplaceFile(file, r.text())
}
