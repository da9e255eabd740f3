// Package snmp encodes and decodes SNMP: object identifiers, values, messages and their security.
// It opens no socket, starts no goroutine and reads no clock; its results alias their input. Its
// only state between calls are the cache of keys derived from passphrases and the last salt.
package snmp
