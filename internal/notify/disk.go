package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// DiskWarnings tells why the boots of our engine would not outlive this process in a state directory that
// is there, or is yet to be made.
func DiskWarnings(dir string) (warnings []string) {
	there := dir
	for _, err := os.Stat(there); errors.Is(err, fs.ErrNotExist) && there != filepath.Dir(there); _, err = os.Stat(there) {
		there = filepath.Dir(there)
	}
	if err := tryWriting(there); err != nil {
		warnings = append(warnings, fmt.Sprintf("state_dir %s cannot be written (%v): without it nothing is told", dir, err))
	}
	if volatile(there) {
		warnings = append(warnings, fmt.Sprintf("state_dir %s lies in memory: after a restart of the machine or the container receivers drop traps of SNMPv3, "+
			"and what they had yet to confirm is lost", dir))
	}
	return warnings
}

func tryWriting(dir string) error {
	f, err := os.CreateTemp(dir, ".trapline-*")
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), os.Remove(f.Name()))
}
