#!/usr/bin/env bash
# An own authority, and a certificate of it for each server: certificates.sh FOLDER [server=NAME[,NAME…]]…
#
# Run again it renews the servers' certificates (a year) and keeps the authority (ten). Whoever has an authority of
# the house puts ca.pem and <server>.pem (key and certificate in one file, the key first) into the folder instead.
# ca.key signs: keep it offline, the servers do not need it.
set -euo pipefail

if [[ ${1:-} == -* || $# -eq 0 ]]; then
  sed -n '2,6s/^# \{0,1\}//p' "$0"
  [[ ${1:-} == -h || ${1:-} == --help ]]
  exit
fi
folder=${1:?which folder?}
shift
servers=("$@")
[ ${#servers[@]} -gt 0 ] || servers=(mongodb=mongodb rabbitmq=rabbitmq)

umask 077
mkdir -p "$folder"
cd "$folder"
# Others on the host may not come in here; in the containers each sees its own files alone, as whatever user.
chmod 700 .

if [ ! -f ca.pem ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -sha256 \
    -subj "/CN=Amtstermin, this installation" -keyout ca.key -out ca.pem \
    -addext "basicConstraints=critical,CA:TRUE,pathlen:0" -addext "keyUsage=critical,keyCertSign,cRLSign" 2>/dev/null
fi
for server in "${servers[@]}"; do
  name=${server%%=*}
  names="DNS:localhost,IP:127.0.0.1"
  for one in $(tr ',' ' ' <<<"${server#*=}"); do names="$names,DNS:$one"; done
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
    -keyout "$name.key" -out "$name.csr" 2>/dev/null
  openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 -sha256 -out "$name.crt" \
    -extfile <(printf 'subjectAltName=%s\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\nbasicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n' \
      "$names") 2>/dev/null
  cat "$name.key" "$name.crt" >".$name.pem"
  mv ".$name.pem" "$name.pem"
  rm "$name.key" "$name.crt" "$name.csr"
  chmod 444 "$name.pem"
done
chmod 444 ca.pem
rm -f ca.srl
echo "Certificates are in $PWD, until $(openssl x509 -in "${servers[0]%%=*}.pem" -noout -enddate | cut -d= -f2)."
