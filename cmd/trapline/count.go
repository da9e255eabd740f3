package main

import (
	"fmt"
	"strconv"

	"github.com/alecthomas/kingpin/v2"
)

// count is a flag that holds a whole number, least or more. kingpin's own reads "NaN" and 1e30 as numbers.
type count struct {
	value *int
	least int
}

func countOf(f *kingpin.FlagClause, least int) *int {
	value := new(int)
	countVar(f, least, value)
	return value
}

func countVar(f *kingpin.FlagClause, least int, value *int) { f.SetValue(count{value, least}) }

// Set reads what the user wrote.
func (c count) Set(text string) error {
	n, err := strconv.Atoi(text)
	if err != nil || n < c.least {
		return fmt.Errorf("%q is not a whole number: write one of %d or more", text, c.least)
	}
	*c.value = n
	return nil
}

func (c count) String() string { return strconv.Itoa(*c.value) }
