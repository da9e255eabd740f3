// Package netsnmp prints variable bindings as the commands of Net-SNMP do.
package netsnmp
