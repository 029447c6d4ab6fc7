#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# xenplug.sh add|online|...: what xl calls for a device of a guest: a disk, which is /dev/ram0
# and so 1:0, or an interface.
case $XENBUS_PATH-$1 in
*/vbd/*-add) xenstore-write "$XENBUS_PATH/physical-device" 1:0 ;;
*/vif/*-online) ifconfig "$vif" 10.0.0.1 netmask 255.255.255.0 up ;;
*) exit 0 ;;
esac
xenstore-write "$XENBUS_PATH/hotplug-status" connected
