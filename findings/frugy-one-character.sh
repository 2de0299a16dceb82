#!/usr/bin/env bash
# frugy 0.5.4 and fru 4.1.0 (PyPI), which write IPMI FRU images, and ipmi-fru of
# FreeIPMI 1.6.15 (Debian trixie), which reads them.
#
# A field of a FRU area starts with its type and length (IPMI Platform Management
# FRU Information Storage Definition 1.0 §13): type 3 is text, and C1h, which
# would be text of one character, ends the area. A field of one character must
# be written in another way, padded or as 6-bit ASCII.
#
# Guess before running it: both write such a field in another way, or refuse it.
# Seen: both write C1h and the character, without a word. A product of version
# "A" has lost its version and its serial number for ipmi-fru, which exits with
# 0, and for fru itself. frugy counts fields, and so does not see it in its own.
. "$(dirname "$0")/lib/pypi"
. "$(dirname "$0")/lib/debian"
pypi frugy==0.5.4 fru==4.1.0 bidict==0.24.1 bitstruct==8.24.0 macaddress==2.0.2 \
  PyYAML==6.0.4 typing_extensions==4.16.0
install trixie freeipmi-tools=1.6.15-1 ipmi-fru

cat >"$TEMP/product.yaml" <<'YAML'
ProductInfo:
  language_code: 25
  manufacturer: Example
  product_name: Fan
  part_number: PN-1
  version: A
  serial_number: SN0001
YAML
frugy -o "$TEMP/frugy.bin" "$TEMP/product.yaml"
python3 - "$TEMP/fru.bin" <<'PYTHON'
import fru, sys
product = {"format_version": 1, "language_code": 25, "manufacturer": "Example", "product_name": "Fan",
           "part_number": "PN-1", "product_version": "A", "serial_number": "SN0001"}
image = fru.dump({"common": {"format_version": 1, "size": 128}, "product": product})
open(sys.argv[1], "wb").write(image)
PYTHON

same "version" "ipmi-fru - 1.6.15" "$("$TEMP/ipmi-fru" --version | head -n 1)"
for writer in frugy fru; do
  same "$writer: how the field starts" 1 "$(LC_ALL=C grep -caP '\xc1A' "$TEMP/$writer.bin")"
  "$TEMP/ipmi-fru" --fru-file="$TEMP/$writer.bin" >"$TEMP/$writer.txt"
  same "$writer's image: ipmi-fru's lines of a product" \
    "Manufacturer Name: Example, Name: Fan, Part/Model Number: PN-1" \
    "$(sed -n 's/.*FRU Product //p' "$TEMP/$writer.txt" | paste -sd, | sed 's/,/, /g')"
  same "$writer's image: serial number for fru" "" \
    "$(python3 -c "import fru; print(fru.load('$TEMP/$writer.bin')['product']['serial_number'])")"
done
same "frugy's image: serial number for frugy" "SN0001" \
  "$(frugy -d "$TEMP/frugy.bin" | sed -n 's/.*serial_number: //p')"
