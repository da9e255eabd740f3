// Package snmp is the protocol as bytes: object identifiers, values, messages and their security. It
// opens no socket, starts no goroutine and reads no clock; what it returns points into what it was
// given. All it remembers between two calls are the keys that passphrases stand for, and the last salt.
package snmp
