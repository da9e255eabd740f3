package config

import (
	"fmt"
	"path/filepath"
	"slices"

	"trapline/internal/setting"
	"trapline/mibs"
)

// placed returns directories that a file names, relative to that file, as its rule files are. It warns of those that
// exist only where the process was started.
func placed(file string, dirs []string, warn func(i int, text string)) []string {
	dirs = slices.Clone(dirs)
	for i, dir := range dirs {
		own := beside(file, dir)
		if own != dir && setting.NoDirectory(own) != "" && setting.NoDirectory(dir) == "" {
			warn(i, fmt.Sprintf("there is no directory %s: %s is used, which depends on the directory of the process. Write this whole path", setting.WholePath(own), setting.WholePath(dir)))
			continue
		}
		dirs[i] = own
	}
	return dirs
}

// beside returns the path of a directory that a file names, in the way the path of the file is.
func beside(file, dir string) string {
	if dir == "" || filepath.IsAbs(dir) || mibs.IsURL(dir) || filepath.Dir(file) == "." {
		return dir
	}
	return filepath.Join(filepath.Dir(file), dir)
}
