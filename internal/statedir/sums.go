package statedir

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"trapline/internal/setting"
)

// sumsFile has the checksums of the files of the state directory, from the end of a process until the next one has
// compared them. They reveal changes in between that the files themselves do not show.
const sumsFile = "checksums"

// maxSummed bounds the octets that are read for the checksums.
const maxSummed = 4 << 30

// handedOn are the files and directories that one process leaves for the next, of all packages. Other files in the state
// directory are ignored.
var handedOn = []string{engineFile, DatabaseFile, "engine.state", "rules"}

func isHandedOn(path string) bool {
	first, _, _ := strings.Cut(filepath.ToSlash(path), "/")
	name := filepath.Base(path)
	return slices.Contains(handedOn, first) && name != "lock" && !strings.HasSuffix(name, ".new")
}

// writeSums writes the checksums of the files below dir. Without them the next process compares nothing.
func writeSums(dir string) error {
	var list bytes.Buffer
	left := int64(maxSummed)
	err := filepath.WalkDir(dir, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if above := filepath.Dir(file) == dir; entry.IsDir() && above && !isHandedOn(entry.Name()) {
			return fs.SkipDir
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		path, err := filepath.Rel(dir, file)
		if err != nil || !isHandedOn(path) {
			return err
		}
		sum, size, err := sumOf(file)
		if left -= size; left < 0 {
			return errors.New("there is too much")
		}
		fmt.Fprintf(&list, "%08x %d %s\n", sum, size, path)
		return err
	})
	if err != nil {
		return err
	}
	return writeSynced(filepath.Join(dir, sumsFile), Seal([]byte(sumsFile), list.Bytes()))
}

func sumOf(file string) (sum uint32, size int64, err error) {
	f, err := os.Open(file)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	h := crc32.New(castagnoli)
	size, err = io.Copy(h, f)
	return h.Sum32(), size, err
}

// compareSums returns the files below dir that have changed since writeSums, and removes the checksums.
func compareSums(dir string) (changed []Damage, err error) {
	file := filepath.Join(dir, sumsFile)
	value, err := setting.ReadFile(file, maxIdentityFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	report := func(path string, why error) {
		changed = append(changed, Damage{Text: "a file of the state directory is not as the last process left it", Where: filepath.Join(dir, path), Err: why})
	}
	list, err := Unseal([]byte(sumsFile), value)
	if err != nil || len(list) == len(value) {
		report(sumsFile, errors.New("its checksum is wrong"))
		list = nil
	}
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		var sum uint32
		var size int64
		var path string
		if n, _ := fmt.Sscanf(lines.Text(), "%x %d", &sum, &size); n == 2 {
			_, path, _ = strings.Cut(lines.Text(), " ")
			_, path, _ = strings.Cut(path, " ")
		}
		switch got, length, err := sumOf(filepath.Join(dir, path)); {
		case err != nil:
			report(path, err)
		case length != size:
			report(path, fmt.Errorf("it has %d octets and had %d", length, size))
		case got != sum:
			report(path, errors.New("its checksum is wrong"))
		}
	}
	return changed, errors.Join(os.Remove(file), syncDir(dir))
}
