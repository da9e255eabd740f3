// Command build writes the facts that are built in. `go run ./mibs/build DIRECTORY` writes those of common modules,
// whose MIB files lie there; without an argument only their archive; `go run ./mibs/build -vendors DIRECTORY...` those of vendors' modules that the files of
// profiles name. Both run at the root of the project.
package main

import (
	"errors"
	"fmt"
	"os"
)

func main() {
	if err := build(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func build(args []string) error {
	vendors := len(args) > 0 && args[0] == "-vendors"
	if vendors {
		args = args[1:]
	}
	switch {
	case len(args) == 0 && vendors:
		return errors.New("which directories hold the MIB files?")
	case len(args) == 0:
		return packStandard()
	case vendors:
		return buildVendors(args)
	}
	return buildStandard(args)
}
