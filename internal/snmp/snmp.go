// Package snmp is the protocol as bytes: object identifiers, values and messages. It opens no
// socket, starts no goroutine and keeps no state; what it returns points into what it was given.
package snmp
