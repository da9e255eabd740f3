package api

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Clock writes a time of day, with the date where that is another than today's.
func Clock(at, now time.Time) string {
	at, now = at.Local(), now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04")
	}
	return at.Format("15:04 on 2 January")
}

// Inert keeps a text of a device from being a formula where a spreadsheet opens the file. Numbers stay as they are.
func Inert(cell string) string {
	first, _ := utf8.DecodeRuneInString(cell)
	if !strings.ContainsRune("=+-@＝＋－＠\t\r\n", first) || cell == "" {
		return cell
	}
	if _, err := strconv.ParseFloat(cell, 64); err == nil && first == '-' || cell == "-" {
		return cell
	}
	return "'" + cell
}
