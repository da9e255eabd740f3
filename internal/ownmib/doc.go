// Package ownmib answers requests of managers with Trapline's own objects: the groups system and snmpEngine, and the
// tables of active alarms and receivers of TRAPLINE-MIB.
package ownmib
