package statedir

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"trapline/internal/setting"
)

// ReplaceFile replaces a file atomically: after a crash, either the old or the new content is there as a whole. The new
// content is read back first; if it differs, the old file stays.
func ReplaceFile(file string, text []byte) error {
	temporary := file + ".new"
	if err := writeSynced(temporary, text); err != nil {
		return errors.Join(err, removeIfThere(temporary))
	}
	written, err := os.ReadFile(temporary)
	if err == nil && !bytes.Equal(written, text) {
		err = fmt.Errorf("%s: what was written is read as something else", temporary)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temporary))
	}
	if err := os.Rename(temporary, file); err != nil {
		return err
	}
	return syncDir(filepath.Dir(file))
}

// ReplaceSealed replaces a file as ReplaceFile does, with a checksum at its end.
func ReplaceSealed(file string, text []byte) error {
	return ReplaceFile(file, Seal([]byte(filepath.Base(file)), text))
}

// ReadSealed reads a file of ReplaceSealed, of up to so many octets. One of an earlier version has no checksum.
func ReadSealed(file string, most int64) ([]byte, error) {
	value, err := setting.ReadFile(file, most)
	if err != nil {
		return nil, err
	}
	return Unseal([]byte(filepath.Base(file)), value)
}

// KeepDamaged keeps the content of a damaged file beside it, in place of what was kept before. The file stays until it is
// replaced: after a crash, it is still known to be damaged.
func KeepDamaged(file string) (aside string, err error) {
	aside = file + ".damaged"
	if err := removeIfThere(aside); err != nil {
		return "", err
	}
	return aside, os.Link(file, aside)
}

// removeIfThere removes a regular file that could not be written, to free its space.
func removeIfThere(file string) error {
	if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	return os.Remove(file)
}

// keepAside keeps the content of a file that is damaged, and leaves the file where it is until it is replaced:
// after a crash, it is still known to be damaged.
func keepAside(file, aside string) error {
	if os.Link(file, aside) == nil {
		return nil
	}
	text, err := setting.ReadFile(file, maxIdentityFile)
	if err != nil {
		return err
	}
	return writeSynced(aside, text)
}

// writeSynced writes a file that is on the disk once it has returned.
func writeSynced(file string, text []byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Sync(), f.Close())
}

// syncDir makes the names in a directory outlive a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
