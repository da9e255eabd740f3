// Package traps has the notifications of devices, of all versions in the form of SNMPv2: which target they are of, their
// text, and the rules by which they raise alarms.
package traps
