package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Directories are relative to the file that names them, wherever the process was started: those of a file in another
// directory are found, and each that is missing is reported with its line and its whole path, also if nothing needs it.
func TestDirectoriesAreRelativeToTheirFile(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"etc/mibs/own.mib":           ownMIB,
		"etc/profiles/acme/acme.yml": "device_profiles: {acme: {modules: [acme]}}\nmodules: {acme: {get: [1.3.6.1.2.1.1.3.0]}}\n",
		"etc/snmp.yml":               auths + "mibs: {dirs: [mibs]}\nprofiles: {dirs: [profiles/acme]}\n",
		"etc/wrong.yml":              auths + "mibs: {dirs: [mibs, none]}\nprofiles: {dirs: [nothing, mibs]}\n",
		"elsewhere/none/own.mib":     ownMIB,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, start := range []string{dir, filepath.Join(dir, "etc"), filepath.Join(dir, "elsewhere")} {
		t.Chdir(start)
		file, err := filepath.Rel(start, filepath.Join(dir, "etc", "snmp.yml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{file, filepath.Join(dir, "etc", "snmp.yml")} {
			c := load(t, name)
			if own := filepath.Join(filepath.Dir(name), "mibs"); !slices.Equal(c.MIBs.Dirs, []string{own}) || len(c.Warnings) > 0 {
				t.Errorf("%s from %s: MIBs in %v, warnings %q", name, start, c.MIBs.Dirs, c.Warnings)
			}
		}
	}
	t.Chdir(dir)
	_, err := Load([]string{"etc/wrong.yml"}, Options{})
	want := "etc/wrong.yml:2: mibs.dirs[1]: there is no directory DIR/etc/none\n" +
		"etc/wrong.yml:3: profiles.dirs[0]: there is no directory DIR/etc/nothing\n" +
		"etc/wrong.yml:3: profiles.dirs[1]: the directory etc/mibs has no files *.yml"
	if err == nil || strings.ReplaceAll(err.Error(), dir, "DIR") != want {
		t.Errorf("errors are\n%v\nwant\n%s", err, want)
	}
}

// A path that exists only where the process was started still counts, with the advice to write the whole path.
func TestADirectoryOfTheProcessIsUsedWithAWarning(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	file := write(t, "snmp.yml", auths+ifModule+"mibs: {dirs: [mibs]}\n")
	if err := os.Mkdir("mibs", 0o700); err != nil {
		t.Fatal(err)
	}
	c := load(t, file)
	if !slices.Equal(c.MIBs.Dirs, []string{"mibs"}) || len(c.Warnings) != 1 {
		t.Fatalf("MIBs in %v, warnings %q", c.MIBs.Dirs, c.Warnings)
	}
	want := file + ":3: mibs.dirs[0]: there is no directory " + filepath.Join(filepath.Dir(file), "mibs") + ": " + filepath.Join(dir, "mibs") +
		" is used, which depends on the directory of the process. Write this whole path"
	if c.Warnings[0] != want {
		t.Errorf("warning is\n%s\nwant\n%s", c.Warnings[0], want)
	}
	if _, err := LoadText([]byte(auths+ifModule+"mibs: {dirs: [mibs]}\n"), c, Options{}); err != nil {
		t.Errorf("a text with the same directory: %v", err)
	}
	if _, err := LoadText([]byte(auths+ifModule+"mibs: {dirs: [/etc]}\n"), c, Options{}); err == nil {
		t.Error("a text with another directory is read")
	}
}
