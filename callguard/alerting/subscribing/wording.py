"""What the page says, in five languages."""

PAGE = {
    "en": {
        "title": "Alerts on this device",
        "what": "callguard listens for scams on the calls of {person}. With your consent it also alerts you "
        "on this device, besides the text message, while such a call lasts.",
        "on": "Turn alerts on",
        "off": "Turn alerts off",
        "is_on": "Alerts are on for this device.",
        "is_off": "Alerts are off for this device.",
        "denied": "This browser blocks notifications. Allow them for this page, and try again.",
        "unsupported": "This browser can't show alerts. On an iPhone or iPad, add this page to the home "
        "screen and open it from there.",
        "failed": "That did not work. Please try again in a moment.",
    },
    "es": {
        "title": "Alertas en este dispositivo",
        "what": "callguard detecta estafas en las llamadas de {person}. Con su consentimiento también le "
        "avisa en este dispositivo, además del mensaje de texto, mientras dura la llamada.",
        "on": "Activar las alertas",
        "off": "Desactivar las alertas",
        "is_on": "Las alertas están activadas en este dispositivo.",
        "is_off": "Las alertas están desactivadas en este dispositivo.",
        "denied": "Este navegador bloquea las notificaciones. Permítalas para esta página y reinténtelo.",
        "unsupported": "Este navegador no puede mostrar alertas. En un iPhone o iPad, añada esta página a "
        "la pantalla de inicio y ábrala desde allí.",
        "failed": "No ha funcionado. Inténtelo de nuevo en un momento.",
    },
    "fr": {
        "title": "Alertes sur cet appareil",
        "what": "callguard repère les arnaques dans les appels de {person}. Avec votre accord, il vous "
        "alerte aussi sur cet appareil, en plus du SMS, pendant un tel appel.",
        "on": "Activer les alertes",
        "off": "Désactiver les alertes",
        "is_on": "Les alertes sont activées sur cet appareil.",
        "is_off": "Les alertes sont désactivées sur cet appareil.",
        "denied": "Ce navigateur bloque les notifications. Autorisez-les pour cette page, puis réessayez.",
        "unsupported": "Ce navigateur ne peut pas afficher d'alertes. Sur un iPhone ou un iPad, ajoutez "
        "cette page à l'écran d'accueil et ouvrez-la de là.",
        "failed": "Cela n'a pas fonctionné. Veuillez réessayer dans un instant.",
    },
    "de": {
        "title": "Warnungen auf diesem Gerät",
        "what": "callguard achtet bei den Anrufen von {person} auf Betrug. Wenn Sie einverstanden sind, "
        "warnt es Sie während eines solchen Anrufs auch auf diesem Gerät, zusätzlich zur SMS.",
        "on": "Warnungen einschalten",
        "off": "Warnungen ausschalten",
        "is_on": "Warnungen sind auf diesem Gerät eingeschaltet.",
        "is_off": "Warnungen sind auf diesem Gerät ausgeschaltet.",
        "denied": "Dieser Browser blockiert Mitteilungen. Bitte erlauben Sie sie für diese Seite.",
        "unsupported": "Dieser Browser kann keine Warnungen zeigen. Auf iPhone oder iPad: Legen Sie die "
        "Seite auf den Home-Bildschirm und öffnen Sie sie von dort.",
        "failed": "Das hat nicht geklappt. Bitte versuchen Sie es gleich noch einmal.",
    },
    "pt": {
        "title": "Alertas neste dispositivo",
        "what": "O callguard deteta burlas nas chamadas de {person}. Com o seu consentimento, também o avisa "
        "neste dispositivo, além do SMS, enquanto decorre uma chamada dessas.",
        "on": "Ativar os alertas",
        "off": "Desativar os alertas",
        "is_on": "Os alertas estão ativados neste dispositivo.",
        "is_off": "Os alertas estão desativados neste dispositivo.",
        "denied": "Este navegador bloqueia as notificações. Permita-as para esta página e tente de novo.",
        "unsupported": "Este navegador não consegue mostrar alertas. Num iPhone ou iPad, adicione esta "
        "página ao ecrã principal e abra-a a partir daí.",
        "failed": "Não funcionou. Tente de novo dentro de momentos.",
    },
}
# Whose link it was is not known.
ENDED = {
    "en": "This link has ended. Please ask for a new one.",
    "es": "Este enlace ha caducado. Pida uno nuevo, por favor.",
    "fr": "Ce lien a expiré. Veuillez en demander un nouveau.",
    "de": "Dieser Link ist abgelaufen. Bitte fordern Sie einen neuen an.",
    "pt": "Esta ligação expirou. Peça uma nova, por favor.",
}
